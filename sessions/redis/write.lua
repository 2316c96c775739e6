#!lua
-- KEYS: watermark, copy. ARGV: number it was read at, copy, milliseconds.
-- What was read before the newest row that was applied here might lack it.
local w = redis.call('GET', KEYS[1])
if not w or tonumber(w) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
