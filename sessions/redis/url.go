package redis

import (
	"crypto/tls"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"gatehouse/idp"
)

// patience is how long one step of the way to Redis may take. It is asked in
// the middle of every request: better SQL at once than Redis late.
const patience = 150 * time.Millisecond

// parse reads the address of the one Redis:
//
//	redis://[user:password@]host[:port][/db]
//	rediss://...                                          the same over TLS
//	redis+sentinel://[user:password@]host:port,host:port/master[?db=n]
//	rediss+sentinel://...
//
// Its errors never hold what was given: there may be a password in it.
func parse(raw string) (*goredis.UniversalOptions, error) {
	// Several hosts are no URL to net/url once one of them has a port.
	scheme, rest, _ := strings.Cut(raw, "://")
	authority, path, _ := strings.Cut(rest, "/")
	at := strings.LastIndex(authority, "@") + 1
	hosts := strings.Split(authority[at:], ",")
	u, err := url.Parse(scheme + "://" + authority[:at] + "sentinel/" + path)
	if err != nil {
		return nil, idp.Errorf(idp.Invalid, "GATEHOUSE_REDIS cannot be read as a URL like redis://host:6379.")
	}
	o := &goredis.UniversalOptions{
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
		// A script sent twice is harmless, but a retry would be late.
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		DisableIdentity:          true,
		Protocol:                 2,
	}
	o.Username = u.User.Username()
	o.Password, _ = u.User.Password()
	kind, sentinel := strings.CutSuffix(scheme, "+sentinel")
	db := strings.Trim(u.Path, "/")
	port := "6379"
	switch {
	case strings.HasSuffix(scheme, "+cluster"):
		return nil, cluster()
	case kind != "redis" && kind != "rediss":
		return nil, idp.Errorf(idp.Invalid, "GATEHOUSE_REDIS begins with redis://, rediss://, redis+sentinel:// or rediss+sentinel://.")
	case sentinel:
		port = "26379"
		if o.MasterName = db; o.MasterName == "" {
			return nil, idp.Errorf(idp.Invalid, "GATEHOUSE_REDIS with Sentinel ends with the master's name: redis+sentinel://host:26379/mymaster.")
		}
		db = u.Query().Get("db")
	case len(hosts) > 1:
		return nil, cluster()
	}
	if db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return nil, idp.Errorf(idp.Invalid, "The database number at the end of GATEHOUSE_REDIS is not a number.")
		}
	}
	for _, h := range hosts {
		host, p, err := net.SplitHostPort(h)
		if err != nil {
			host, p = strings.Trim(h, "[]"), port
		}
		if host == "" {
			return nil, idp.Errorf(idp.Invalid, "GATEHOUSE_REDIS names no host.")
		}
		o.Addrs = append(o.Addrs, net.JoinHostPort(host, p))
		if kind == "rediss" && !sentinel {
			o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
		}
	}
	if kind == "rediss" && sentinel {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o, nil
}

func cluster() error {
	return idp.Errorf(idp.Invalid, "Gatehouse needs one Redis process, alone or with Sentinel, and no Redis Cluster: one watermark speaks for one process. A million sessions fit in one.")
}
