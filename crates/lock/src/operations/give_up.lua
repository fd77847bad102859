-- Remembers for a minute that a token does not want the lock any more, for its question may yet arrive, on another
-- connection: the newest stand first, the oldest are forgotten.
local function give_up(key, token)
  local before = redis.call('GET', key) or ' '
  redis.call('SET', key, ' ' .. token .. string.sub(before, 1, 2048), 'PX', '60000')
end
