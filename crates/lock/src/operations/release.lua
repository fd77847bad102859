-- Gives a lock back, for its holder alone, and hands it to who waits for it first.
--
-- KEYS     as for acquiring
-- ARGV     now | token | where it is withdrawn, for how long it was asked: ms | the channel of wake-ups
-- Answer   1: given back, 0: it had ended, -1: another holds it; where it was handed on, what became of it,
--          the token that has it now, and its fence

-- A lock that was handed on ends after this many milliseconds unless its new holder prolongs it, so that one
-- that died does not keep it.
local HANDED = '3000'

local token, holder = ARGV[2], redis.call('GET', KEYS[1])
local outcome = 0
if holder == token or holder == token .. WAITED_FOR then
  outcome = 1
elseif holder then
  return -1
end

local head, arrived
repeat
  head, arrived = unpack(redis.call('ZPOPMIN', queue))
  if not head then
    redis.call('DEL', KEYS[1])
    return outcome
  end
  -- As if others waited, which costs less than to look. The end that is set tells what the time is for a third of
  -- the price of TIME.
  redis.call('SET', KEYS[1], head .. WAITED_FOR, 'PX', HANDED)
  clock = clock or (redis.call('PEXPIRETIME', KEYS[1]) - HANDED) * 1000
until lives(head, tonumber(arrived))
local minted = mint(KEYS[2], clock)
-- A process tells itself.
if string.sub(head, 1, 22) ~= string.sub(token, 1, 22) then wake(head, minted) end
return { outcome, head, minted }
