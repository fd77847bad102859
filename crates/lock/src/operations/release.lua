-- Gives a lock back, for its holder alone, and wakes who waits for it first.
--
-- KEYS     as for acquiring
-- ARGV     now | token | the holder's fence (empty: it never got to know it)
--          | how long a question may be on its way: ms | the channel of wake-ups
-- Answer   { 1: given back, 0: it had ended, -1: another holds it; the token that was woken, or empty }
local token, fence = ARGV[2], tonumber(ARGV[3])

local holder, last, unwanted = unpack(redis.call('MGET', KEYS[1], KEYS[2], KEYS[3]))
last = tonumber(last or nil)
local outcome = 0
if holder == token then
  redis.call('DEL', KEYS[1])
  -- The mark by which the same request, sent again after a lost answer, is told the same.
  if fence and last == fence then redis.call('INCR', KEYS[2]) end
  outcome = 1
elseif holder then
  outcome = -1
elseif fence and last == fence + 1 then
  outcome = 1
end
if not fence then
  leave(token)
  -- The question may yet arrive, on another connection; then it must not take the lock. The newest
  -- tokens stand first, and the oldest are forgotten.
  redis.call('SET', KEYS[3], ' ' .. token .. string.sub(unwanted or ' ', 1, 2048), 'PX', ARGV[4])
end
if outcome == -1 then return { outcome, '' } end

local head = first()
if not head then return { outcome, '' } end
-- A process tells itself.
if string.sub(head, 1, 32) ~= string.sub(token, 1, 32) then wake(head) end
return { outcome, head }
