-- Lets a value be fresh no longer, and takes its ticket away.
-- KEYS[1] value, [2] ticket
-- ARGV[1] now (unused), [2] now by the clock that created the value, in µs
redis.call('DEL', KEYS[2])
local head = redis.call('GETRANGE', KEYS[1], 0, 39)
if #head == 0 then
  return 0
end
-- A value of another make can't be shown as an old one.
if #head < 40 or string.sub(head, 1, 2) ~= '\197\3' then
  return redis.call('UNLINK', KEYS[1])
end
-- Eight bytes, big-endian; times in µs stay below 2^53.
local function number(from)
  local value = 0
  for i = from, from + 7 do
    value = value * 256 + string.byte(head, i)
  end
  return value
end
local created, fresh_for = number(13), number(21)
local left = math.max(tonumber(ARGV[2]) - created, 0)
if fresh_for <= left then
  return 0
end
local bytes = {}
for i = 8, 1, -1 do
  bytes[i] = string.char(left % 256)
  left = math.floor(left / 256)
end
redis.call('SETRANGE', KEYS[1], 20, table.concat(bytes))
return 1
