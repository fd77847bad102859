-- Adds an entry and keeps the stream alive.
-- KEYS[1] stream
-- ARGV[1] now (unused: the server numbers the entries), [2] TTL in ms, [3] about how many entries to keep, [4…] fields
local add = { 'XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*' }
for i = 4, #ARGV do
  add[#add + 1] = ARGV[i]
end
local id = redis.call(unpack(add))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return id
