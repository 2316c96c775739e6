#!lua
-- KEYS: watermark, copy. ARGV: prefix of the marks.
-- Answers {watermark}, or {watermark, copy} where the copy is as young as all
-- it hangs on; {-1} without a watermark.
local w = redis.call('GET', KEYS[1])
if not w then return {-1} end
local v = redis.call('GET', KEYS[2])
if not v then return {tonumber(w)} end
local n, scopes = string.match(v, '^(%d+)([^\n]*)\n')
local marks = {ARGV[1] .. 'h'}
for s in string.gmatch(scopes, '%S+') do marks[#marks + 1] = ARGV[1] .. s end
n = tonumber(n)
for _, m in ipairs(redis.call('MGET', unpack(marks))) do
  if m and tonumber(m) > n then return {tonumber(w)} end
end
return {tonumber(w), v}
