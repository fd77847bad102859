-- Gives entries to a consumer of a group: first those that others have had for too long, then new ones.
-- KEYS[1] stream
-- ARGV[1] now (unused: the server knows for how long an entry has been out), [2] group, [3] consumer,
-- [4] the most entries, [5] after how many ms an entry is taken from whoever has it, or -1 for never,
-- [6] TTL in ms of a stream that is made here
local stream, group, consumer = KEYS[1], ARGV[2], ARGV[3]
local most, patience = tonumber(ARGV[4]), tonumber(ARGV[5])

-- Makes the group where it is missing; it begins with the oldest entry that is kept.
if redis.call('EXISTS', stream) == 0 or redis.pcall('XPENDING', stream, group).err then
  redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
end
if redis.call('PTTL', stream) < 0 then
  redis.call('PEXPIRE', stream, ARGV[6])
end

local out = {}
if patience >= 0 then
  local from = '0-0'
  repeat
    local taken = redis.call('XAUTOCLAIM', stream, group, consumer, patience, from, 'COUNT', most - #out)
    for _, entry in ipairs(taken[2]) do
      local known = redis.call('XPENDING', stream, group, entry[1], entry[1], 1)
      out[#out + 1] = { entry[1], entry[2], known[1][4] }
    end
    from = taken[1]
  until from == '0-0' or #out >= most
  -- A consumer without an entry is a name alone, which a process left behind that died.
  for _, other in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    if other[2] ~= consumer and other[4] == 0 and other[6] >= tonumber(ARGV[6]) then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, other[2])
    end
  end
end

while #out < most do
  local read = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most - #out, 'STREAMS', stream, '>')
  if not read then break end
  for _, entry in ipairs(read[1][2]) do
    if entry[2][1] == '@mark' then
      redis.call('XACK', stream, group, entry[1])
    else
      out[#out + 1] = { entry[1], entry[2], 1 }
    end
  end
end
return out
