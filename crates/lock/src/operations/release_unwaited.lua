-- Gives a lock back, for its holder alone, and hands it to who waits for it first.
--
-- KEYS     as for acquiring
-- ARGV     now | token | the holder's fence (empty: it never got to know it) | the channel of wake-ups
-- Answer   1: given back, 0: it had ended, -1: another holds it; where it was handed on, what became of it,
--          the token that has it now, and its fence
local token, fence = ARGV[2], ARGV[3]

local holder, last, given_up = unpack(redis.call('MGET', KEYS[1], KEYS[2], KEYS[3]))
-- The first who waits leaves the line; where nobody does, nothing of what follows need be made.
local head, arrived
if not holder or holder == token then head, arrived = unpack(redis.call('ZPOPMIN', KEYS[4])) end
if holder == token and last == fence and not head then
  redis.call('DEL', KEYS[1])
  -- The mark by which the same request, sent again after a lost answer, is told the same.
  redis.call('INCR', KEYS[2])
  return 1
end
