-- Adds what was counted, once.
--
-- KEYS[1]  a hash: for each bucket its count, and under `w` and a writer "number of its last batch, bucket"
-- ARGV     now (unused) | writer | number of the batch | ms for which the key lives | oldest bucket that is kept
--          | bucket, count, and so on, the newest bucket last
-- Answer   1: added, 0: it was before
local writer, batch, oldest = 'w' .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local last = redis.call('HGET', KEYS[1], writer)
if last and batch <= tonumber(string.match(last, '^%d+')) then return 0 end
local is_new = false
for i = 6, #ARGV, 2 do
  local count = redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
  is_new = is_new or count == tonumber(ARGV[i + 1])
end
redis.call('HSET', KEYS[1], writer, ARGV[3] .. ' ' .. ARGV[#ARGV - 1])
if is_new then
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    local bucket = tonumber(field) or tonumber(string.match(redis.call('HGET', KEYS[1], field), '%d+$'))
    if bucket < oldest then redis.call('HDEL', KEYS[1], field) end
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
