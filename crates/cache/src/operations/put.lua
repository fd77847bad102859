-- Stores a value if its claim still stands and no value with a later stamp is there.
-- KEYS[1] value, [2] ticket
-- ARGV[1] now (unused), [2] token of the claim, [3] value, [4] TTL in ms
local key, ticket = KEYS[1], KEYS[2]
local token, bytes, ttl = ARGV[2], ARGV[3], ARGV[4]
-- A header has 40 bytes or more: two marks, flags, then the stamp in 8 bytes, big-endian.
local function has_stamp(text)
  return #text >= 40 and string.sub(text, 1, 2) == '\197\3'
end
local present = redis.call('GETRANGE', key, 0, 39)
-- How much later the stamp of the present value is; nil where one of the two has none.
local later
if has_stamp(present) and has_stamp(bytes) then
  later = 0
  -- Byte by byte: comparing strings would follow the server's locale.
  for i = 4, 11 do
    later = string.byte(present, i) - string.byte(bytes, i)
    if later ~= 0 then
      break
    end
  end
end
if redis.call('GET', ticket) == token then
  redis.call('DEL', ticket)
  if later and later > 0 then
    return 0
  end
  redis.call('SET', key, bytes, 'PX', ttl)
  return 1
end
-- One's own value is what a try finds whose first answer was lost.
if redis.call('GET', key) == bytes then
  return 1
end
-- A claim can also be evicted; what was there before it must not stay in place of the newer value.
if not later or later < 0 then
  redis.call('UNLINK', key)
end
return 0
