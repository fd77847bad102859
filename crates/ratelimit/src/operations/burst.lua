-- Charges a limiter with a burst, or refuses and charges nothing.
--
-- KEYS[1]  the moment at which the burst is full again, in whole microseconds
-- ARGV     now | span: µs in which an empty limiter fills up | charge: µs that this call costs
--          | keep: ms for which the key outlives its meaning
-- Answer   µs until the burst is full again, this call included, or refused: minus the µs to wait; then now; as
--          two i64, big-endian: text costs the server less than a table;
--          or nothing if it is blocked, which is for limiters.lua
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local ceiling = now + tonumber(ARGV[2])

-- What another algorithm left under this name is no number, and counts as nothing.
local kept = redis.call('GET', KEYS[1])
local stored = tonumber(kept or nil)
if kept and not stored and string.byte(kept) == 120 then return false end
local full = stored or now
if full < now then full = now elseif ceiling < full then full = ceiling end
local next = full + tonumber(ARGV[3])

-- `keep` holds a minute to spare, so within one minute of the value the TTL need not be renewed:
-- INCRBY costs the server a fraction of SET … PX.
if next <= ceiling and stored and math.floor(stored / 60000000) == math.floor(next / 60000000) then
  redis.call('INCRBY', KEYS[1], string.format('%d', next - stored))
  return struct.pack('>i8i8', next - now, now)
end

local function set(moment)
  local ttl = math.ceil((moment - now) / 1000) + tonumber(ARGV[4])
  redis.call('SET', KEYS[1], string.format('%.0f', moment), 'PX', string.format('%.0f', ttl))
end
if next <= ceiling then
  set(next)
  return struct.pack('>i8i8', next - now, now)
end
-- The clock stepped back, or the burst was lowered: left as it is, it would refuse for the whole step.
if stored and ceiling < stored then set(ceiling) end
return struct.pack('>i8i8', ceiling - next, now)
