-- Hands a lock on to another of the same process, if nobody else waits for it.
--
-- KEYS[1]  the lock: the holder's token
-- KEYS[2]  the fence: the last one minted, a whole number
-- KEYS[3]  tokens of those who do not want it any more
-- ARGV     the holder's token | that of the next | ttl of the next: ms | now, only where a test moves it
-- Answer   the fence of the next, or 0: it has to be given back
local holder, next, ttl = redis.call('GET', KEYS[1]), ARGV[2], ARGV[3]
local given_up = redis.call('GET', KEYS[3])
-- With a mark behind the token, others wait.
if holder == ARGV[1] and not (given_up and string.find(given_up, '\n' .. next .. '\n', 1, true)) then
  redis.call('SET', KEYS[1], next, 'PX', ttl)
-- It was done before, and the answer was lost.
elseif not holder or (holder ~= next and holder ~= next .. WAITED_FOR) then
  return 0
end
local counted = tonumber(redis.pcall('INCR', KEYS[2]))
-- The end that was set tells what the time was for a third of the price of TIME.
local present = tonumber(ARGV[4]) or (redis.call('PEXPIRETIME', KEYS[1]) - ttl) * 1000
if counted and present <= counted then return counted end
