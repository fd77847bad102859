-- Stores a value unless one with a later stamp is there; voids the ticket either way.
-- KEYS[1] value, [2] ticket
-- ARGV[1] now (unused), [2] value, [3] TTL in ms
redis.call('DEL', KEYS[2])
-- A header is 31 bytes: two marks, flags, then the stamp in 8 bytes, big-endian, so that it compares as text.
local present, bytes = redis.call('GETRANGE', KEYS[1], 0, 30), ARGV[2]
local marks = '\197\1'
if #present == 31 and #bytes >= 31 and string.sub(present, 1, 2) == marks and string.sub(bytes, 1, 2) == marks then
  -- Byte by byte: comparing strings would follow the server's locale.
  for i = 4, 11 do
    local theirs, ours = string.byte(present, i), string.byte(bytes, i)
    if theirs > ours then
      return 0
    elseif theirs < ours then
      break
    end
  end
end
redis.call('SET', KEYS[1], bytes, 'PX', ARGV[3])
return 1
