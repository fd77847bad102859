-- Stores loaded values whose tickets still stand; a value that is already there counts as stored.
-- KEYS in pairs: value, ticket
-- ARGV[1] now (unused), then in threes: token, value, TTL in ms
local stored = {}
for i = 1, #KEYS / 2 do
  local value, ticket = KEYS[2 * i - 1], KEYS[2 * i]
  local token, bytes, ttl = ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1]
  local standing = redis.call('GET', ticket)
  if standing == token then
    redis.call('SET', value, bytes, 'PX', ttl)
    redis.call('DEL', ticket)
    stored[i] = 1
  elseif not standing and redis.call('GET', value) == bytes then
    stored[i] = 1
  else
    stored[i] = 0
  end
end
return stored
