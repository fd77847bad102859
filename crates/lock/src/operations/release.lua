-- The rest of giving a lock back, where somebody waits for it, or it was lost.

-- A lock that was handed on ends after this many milliseconds unless its new holder prolongs it, so that one
-- that died does not keep it.
local HANDED = 3000

last = tonumber(last or nil)
local known = tonumber(fence)
local is_ours = holder == token
local outcome = 0
if is_ours then
  redis.call('DEL', KEYS[1])
  outcome = 1
elseif known and is_done(done, token) then
  outcome = 1
elseif holder then
  outcome = -1
elseif known and last == known + 1 then
  outcome = 1
end
if not known then
  leave(token)
  -- The question may yet arrive, on another connection; then it must not take the lock.
  add_done(done, token)
end
if holder and not is_ours then return outcome end

local head = first()
if not head then
  if is_ours and last == known then redis.call('INCR', KEYS[2]) end
  return outcome
end
leave(head)
redis.call('SET', KEYS[1], head, 'PX', HANDED)
local minted = mint(KEYS[2], last, HANDED)
-- The next fence leaves no mark, but the same request may be sent again.
if is_ours and known then add_done(done, token) end
-- A process tells itself.
if string.sub(head, 1, 32) ~= string.sub(token, 1, 32) then wake(head, minted) end
return { outcome, head, minted }
