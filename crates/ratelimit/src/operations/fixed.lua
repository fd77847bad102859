-- Charges a fixed window, or refuses and charges nothing.
--
-- KEYS[1]  'f', when the window ends (u64, µs), what was admitted in it (u32), big-endian
-- ARGV     now | limit | period: µs | cost | keep: ms for which the key outlives its meaning
-- Answer   remaining, µs until nothing is in use, µs to wait (0: charged), now, as four i64, big-endian: text
--          costs the server less than a table;
--          or nothing if it is blocked, which is for limiters.lua
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local limit, period, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

-- What another algorithm left under this name counts as nothing.
local kept = redis.call('GET', KEYS[1])
local kind = kept and string.byte(kept)
if kind == 120 then return false end
local ends, used, is_open, ahead = now + period, 0, false, false
if kind == 102 then
  local at, count = struct.unpack('>I8I4', kept, 2)
  if now < at then
    -- The clock stepped back: left as it is, the window would last for the whole step.
    used, ahead = count, ends < at
    if not ahead then ends, is_open = at, true end
  end
end

local function set(count)
  local ttl = math.ceil((ends - now) / 1000) + tonumber(ARGV[5])
  redis.call('SET', KEYS[1], 'f' .. struct.pack('>I8I4', ends, count), 'PX', string.format('%.0f', ttl))
end
if used + cost > limit then
  if ahead then set(used) end
  return struct.pack('>i8i8i8i8', math.max(limit - used, 0), used > 0 and ends - now or 0, ends - now, now)
end
if is_open then
  redis.call('SETRANGE', KEYS[1], 9, struct.pack('>I4', used + cost))
else
  set(used + cost)
end
return struct.pack('>i8i8i8i8', limit - used - cost, ends - now, 0, now)
