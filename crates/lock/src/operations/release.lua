-- Gives a lock back, for its holder alone.
--
-- KEYS[1]  the lock: the holder's token
-- KEYS[2]  the fence: the last one minted, one more after a release
-- ARGV     now (unused) | token | the holder's fence (empty: it never got to know it)
-- Answer   1: given back, 0: it had ended, -1: another holds it
local holder = redis.call('GET', KEYS[1])
local fence = tonumber(ARGV[3])
if holder == ARGV[2] then
  redis.call('DEL', KEYS[1])
  -- The mark by which the same request, sent again after a lost answer, is told the same.
  if fence then redis.call('SET', KEYS[2], string.format('%.0f', fence + 1), 'XX', 'KEEPTTL') end
  return 1
end
if holder then return -1 end
if fence and tonumber(redis.call('GET', KEYS[2])) == fence + 1 then return 1 end
return 0
