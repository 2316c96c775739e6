#!lua
-- KEYS: watermark, copies. ARGV: prefix of the marks.
-- Answers the watermark, and each copy that is as young as all it hangs on, ''
-- for any other; {-1} without a watermark.
local w = redis.call('GET', KEYS[1])
if not w then return {-1} end
local answer = {tonumber(w)}
for i = 2, #KEYS do
  local v = redis.call('GET', KEYS[i])
  if v then
    local n, scopes = string.match(v, '^(%d+)([^\n]*)\n')
    local marks = {ARGV[1] .. 'h'}
    for s in string.gmatch(scopes, '%S+') do marks[#marks + 1] = ARGV[1] .. s end
    n = tonumber(n)
    for _, m in ipairs(redis.call('MGET', unpack(marks))) do
      if m and tonumber(m) > n then v = '' end
    end
  end
  answer[i] = v or ''
end
return answer
