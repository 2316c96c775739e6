package store

import (
	"context"
	"errors"
	"strings"

	"gatehouse/idp"
)

// taken says in plain words what a unique index found taken. PostgreSQL names
// the index, SQLite the columns.
func taken(index string) string {
	switch {
	case is(index, "users_username_key", "users.username"):
		return "This username is taken."
	case is(index, "users_email", "users.email"):
		return "This e-mail address belongs to another user."
	case is(index, "user_groups_name_key", "user_groups.name"):
		return "There is already a group with this name."
	case is(index, "apps_name_key", "apps.name"):
		return "There is already an app with this name."
	case is(index, "apps_identifier_key", "apps.identifier"):
		return "There is already an app with this identifier."
	case is(index, "grants_user", "grants.app_id, grants.user_id"):
		return "This user already has a grant for this app."
	case is(index, "grants_group", "grants.app_id, grants.group_id"):
		return "This group already has a grant for this app."
	case is(index, "credentials_lookup", "credentials.kind, credentials.lookup"):
		return "This passkey is registered already."
	case is(index, "signing_keys_current", "signing_keys.use, signing_keys.algorithm"):
		return "There is already a signing key of this kind."
	}
	return "This exists already."
}

func is(index string, names ...string) bool {
	for _, n := range names {
		if strings.EqualFold(index, n) {
			return true
		}
	}
	return false
}

func conflict(index string, cause error) error {
	return idp.Errorf(idp.Conflict, "%s", taken(index)).Because(cause)
}

// dangling is a reference to what is not there, or not any more.
func dangling(cause error) error {
	return idp.Errorf(idp.Conflict, "Something this refers to no longer exists. Look again and repeat.").Because(cause)
}

func unavailable(cause error) error {
	return idp.Errorf(idp.Unavailable, "The database does not answer right now. Try again in a moment.").Because(cause)
}

// errMissing is what a statement says that found a NULL where its target
// should be: there is no such thing.
var errMissing = errors.New("the target does not exist")

// translateCommon handles what both databases have alike: errors that are
// ours already, and a context that ended.
func translateCommon(err error) (error, bool) {
	var known *idp.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err, true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return unavailable(err), true
	}
	return err, false
}
