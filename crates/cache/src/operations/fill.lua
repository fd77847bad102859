-- Stores loaded values whose tickets still stand; a value that is already there counts as stored.
-- KEYS in pairs: value, ticket; in threes where others may wait for the load: value, ticket, waiting
-- ARGV[1] now (unused), [2] keys per value, then in threes: token, value, TTL in ms
-- Answers 1 for a value that is stored, 2 where somebody waits for it, else 0.
local stride = tonumber(ARGV[2])
local stored = {}
for i = 1, #KEYS / stride do
  local value, ticket = KEYS[stride * (i - 1) + 1], KEYS[stride * (i - 1) + 2]
  local token, bytes, ttl = ARGV[3 * i], ARGV[3 * i + 1], ARGV[3 * i + 2]
  local standing = redis.call('GET', ticket)
  if standing == token then
    redis.call('SET', value, bytes, 'PX', ttl)
    redis.call('DEL', ticket)
    stored[i] = 1
    if stride == 3 and redis.call('DEL', KEYS[stride * i]) == 1 then
      stored[i] = 2
    end
  elseif not standing and redis.call('GET', value) == bytes then
    -- Who was told of the first try may have been told of nothing.
    stored[i] = stride == 3 and 2 or 1
  else
    stored[i] = 0
  end
end
return stored
