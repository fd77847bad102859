-- Takes locks that nobody holds, and mints their fences.
--
-- KEYS[1]  the fence: the last one minted, a whole number
-- KEYS     for each lock: the holder's token, then tokens of those who do not want it any more
-- ARGV     now | for each lock: token, ttl: ms
-- Answer   for each lock its fence, or how many ms another holds it yet, below zero, or 0: it has to be asked for;
--          where it is but one lock, that number alone

-- A single lock first, which needs the least: the loop and what it calls cost the server half as much again.
local taken = #KEYS == 3 and redis.call('EXISTS', KEYS[3]) == 0
  and redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
local counted, present
if taken then
  counted = tonumber(redis.pcall('INCR', KEYS[1]))
  -- The end that was just set tells what the time is for a third of the price of TIME.
  present = tonumber(ARGV[1]) or (redis.call('PEXPIRETIME', KEYS[2]) - ARGV[3]) * 1000
  if counted and present <= counted then return counted end
end
