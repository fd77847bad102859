-- Remembers that a token does not want the lock any more, for its question may yet arrive, on another connection:
-- for a minute, in which it may do so, and for as long as it would then keep the lock. The newest stand first, the
-- oldest are forgotten.
local function give_up(key, token, ttl)
  local before = redis.call('GET', key) or ' '
  local life = math.max(ttl + 60000, redis.call('PTTL', key))
  redis.call('SET', key, ' ' .. token .. string.sub(before, 1, 2048), 'PX', whole(life))
end
