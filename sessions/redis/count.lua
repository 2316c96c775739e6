#!lua
-- KEYS: counters. ARGV: by how many, then of each the milliseconds of its window
-- and how many it allows. Those behind one that is over are not counted.
local by, answer = tonumber(ARGV[1]), {}
for i, key in ipairs(KEYS) do
	local n = redis.call('INCRBY', key, by)
	if n == by then redis.call('PEXPIRE', key, ARGV[2 * i]) end
	answer[#answer + 1], answer[#answer + 2] = n, redis.call('PTTL', key)
	if n > tonumber(ARGV[2 * i + 1]) then break end
end
return answer
