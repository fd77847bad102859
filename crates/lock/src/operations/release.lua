-- The rest of giving a lock back, where somebody waits for it, or it was lost.

-- A lock that was handed on ends after this many milliseconds unless its new holder prolongs it, so that one
-- that died does not keep it.
local HANDED = 3000

last = tonumber(last or nil)
local known = tonumber(fence)
local is_ours = holder == token
local outcome = 0
if is_ours then
  outcome = 1
elseif holder then
  outcome = -1
elseif known and last == known + 1 then
  outcome = 1
end
if not known then
  leave(token)
  -- The question may yet arrive, on another connection; then it must not take the lock.
  give_up(given_up, token)
end
if holder and not is_ours then return outcome end

while head and (head == token and not known or not lives(head, tonumber(arrived))) do
  head, arrived = unpack(redis.call('ZPOPMIN', queue))
end
if not head then
  redis.call('DEL', KEYS[1])
  if is_ours and last == known then redis.call('INCR', KEYS[2]) end
  return outcome
end
redis.call('SET', KEYS[1], head, 'PX', HANDED)
local minted = mint(KEYS[2], last, HANDED)
-- A process tells itself.
if string.sub(head, 1, 32) ~= string.sub(token, 1, 32) then wake(head, minted) end
return { outcome, head, minted }
