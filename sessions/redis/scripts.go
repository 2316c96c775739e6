package redis

import (
	_ "embed"

	goredis "github.com/redis/go-redis/v9"
)

// The scripts carry no flags: so a replica refuses them, and so does a server
// that is out of memory. What only reads would otherwise be answered by a
// process that is not the master any more.
var (
	//go:embed check.lua
	checkText string
	//go:embed write.lua
	writeText string
	//go:embed raise.lua
	raiseText string
	//go:embed count.lua
	countText string

	checkScript = goredis.NewScript(checkText)
	writeScript = goredis.NewScript(writeText)
	raiseScript = goredis.NewScript(raiseText)
	countScript = goredis.NewScript(countText)
)
