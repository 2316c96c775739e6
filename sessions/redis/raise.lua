#!lua
-- KEYS: watermark. ARGV: prefix of the marks, their life in milliseconds, then
-- number and scope of each row ('' is about nothing). Applies what comes next,
-- row by row, and answers the watermark; -1 without one.
local w = redis.call('GET', KEYS[1])
if not w then return -1 end
w = tonumber(w)
for i = 3, #ARGV, 2 do
  local n = tonumber(ARGV[i])
  if n == w + 1 then
    if ARGV[i + 1] ~= '' then redis.call('SET', ARGV[1] .. ARGV[i + 1], n, 'PX', ARGV[2]) end
    w = n
  end
end
redis.call('SET', KEYS[1], string.format('%d', w))
return w
