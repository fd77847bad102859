-- Takes a lock that nobody holds, and mints its fence.
--
-- KEYS     the fence: the last one minted, a whole number | the lock: the holder's token
--          | tokens of those who do not want it any more
-- ARGV     token, ttl: ms | now, only where a test moves it
-- Answer   the fence, or how many ms another holds it yet, below zero, or 0: it has to be asked for
local token, given_up = ARGV[1], redis.call('GET', KEYS[3])
if given_up and string.find(given_up, '\n' .. token .. '\n', 1, true) then return 0 end
if not redis.call('SET', KEYS[2], token, 'NX', 'PX', ARGV[2]) then
  local holder = redis.pcall('GET', KEYS[2])
  -- It may be ours, or no lock at all, or its holder's name is one of those who gave up.
  if given_up or type(holder) ~= 'string' or holder == token or holder == token .. WAITED_FOR then return 0 end
  return math.min(-redis.call('PTTL', KEYS[2]), 0)
end
local counted = tonumber(redis.pcall('INCR', KEYS[1]))
-- The end that was just set tells what the time is for a third of the price of TIME.
local present = tonumber(ARGV[3]) or (redis.call('PEXPIRETIME', KEYS[2]) - ARGV[2]) * 1000
-- To make the functions that the rest needs would cost more than all of this, so it stands behind.
if counted and present <= counted then return counted end
