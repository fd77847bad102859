-- The rest of taking a lock, where it is free, or ours already: it was handed to us, or the answer to an earlier
-- question was lost, which may not have got as far as the fence.
if not holder then
  local busy = { -1, last or 0 }
  if is_given_up then return busy end
  local head = (wish == 'f' or wish == 'wf') and first()
  if head and head ~= token then
    if waits then line_up(token) end
    wake(head, 0)
    return busy
  end
end
if waits then leave(token) end
redis.call('SET', KEYS[1], redis.call('ZCARD', queue) == 0 and token or token .. WAITED_FOR, 'PX', ttl)
return mint(KEYS[2], now())
