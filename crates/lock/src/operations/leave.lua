local function leave(token)
  if redis.call('ZREM', queue, token) == 1 then redis.call('ZREM', seen, token) end
end
