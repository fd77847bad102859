-- Takes a lock if it is free, and mints its fence.
--
-- KEYS[1]  the lock: the holder's token
-- KEYS[2]  the fence: the last one minted, a whole number
-- KEYS[3]  tokens of those who do not want it any more
-- KEYS[4]  who waits, by arrival
-- KEYS[5]  who waits, by the last question
-- ARGV     now | token | ttl: ms | 1: waits if it can't be had | 1: leaves it to those who wait
--          | the channel of wake-ups
-- Answer   the fence, or { ms until the lock ends (-1: nobody knows), the last fence (0: nobody knows) }
--          if it can't be had
local token, waits, is_fair = ARGV[2], ARGV[4] == '1', ARGV[5] == '1'

local holder, last, given_up = unpack(redis.call('MGET', KEYS[1], KEYS[2], KEYS[3]))
last = tonumber(last or nil)
-- Nobody stands in the way, so most of what follows need not even be made: that is half of the time.
if not (holder or given_up or is_fair) then
  redis.call('SET', KEYS[1], token, 'PX', ARGV[3])
  if waits and redis.call('ZREM', KEYS[4], token) == 1 then redis.call('ZREM', KEYS[5], token) end
  return mint(KEYS[2], last, ARGV[3])
end
