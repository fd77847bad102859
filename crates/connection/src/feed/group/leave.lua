-- Gives back what a consumer has, so that others take it at once, and removes the consumer.
-- KEYS[1] stream
-- ARGV[1] now (unused), [2] group, [3] consumer, [4] who has what nobody has, [5] for how many ms it has been out
local stream, group, consumer = KEYS[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', stream) == 0 or redis.pcall('XPENDING', stream, group).err then
  return 0
end
local given_back = 0
while true do
  local pending = redis.call('XPENDING', stream, group, '-', '+', 100, consumer)
  if #pending == 0 then break end
  for _, entry in ipairs(pending) do
    redis.call('XCLAIM', stream, group, ARGV[4], 0, entry[1], 'IDLE', ARGV[5], 'JUSTID')
  end
  given_back = given_back + #pending
end
redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer)
return given_back
