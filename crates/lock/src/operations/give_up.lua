-- Remembers that a token does not want the lock any more, for its question may yet arrive, on another connection:
-- for a minute, in which it may do so, and for as long as it would then keep the lock. Each stands between line
-- breaks, the newest first; the oldest are forgotten.
local function give_up(key, token, ttl)
  local before = string.match(string.sub(redis.call('GET', key) or '\n', 1, 8192), '^.*\n')
  local life = math.max(ttl + 60000, redis.call('PTTL', key))
  redis.call('SET', key, '\n' .. token .. (before or '\n'), 'PX', whole(life))
end
