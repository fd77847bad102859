-- The rest of taking a lock, where it is held, or may not be taken at once.
local busy = { -1, last or 0 }
if holder ~= token then
  -- It was given up while this question was on its way.
  if has_given_up(given_up, token) then return busy end
  if holder then
    if waits then line_up(token) end
    busy[1] = redis.call('PTTL', KEYS[1])
    return busy
  end
  local head = is_fair and first()
  if head and head ~= token then
    if waits then line_up(token) end
    wake(head, 0)
    return busy
  end
end
redis.call('SET', KEYS[1], token, 'PX', ARGV[3])
if waits then leave(token) end
-- It is ours already: it was handed to us, or the answer to an earlier try was lost.
if holder and last then return last end
return mint(KEYS[2], last, ARGV[3])
