-- Mints a stamp: max(previous + 1, now).
-- KEYS[1] sequencer
-- ARGV[1] now in µs, or empty for the server's clock; [2] lifetime of the sequencer in ms
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local previous = tonumber(redis.call('GET', KEYS[1]) or '0')
local stamp = math.max(previous + 1, now)
redis.call('SET', KEYS[1], string.format('%.0f', stamp), 'PX', ARGV[2])
return stamp
