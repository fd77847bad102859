-- Takes note that a value was used, the first time.
--
-- KEYS[1]  who used it
-- ARGV     now | user: unique for each attempt | until when it is remembered: µs | at most so many ms ahead
-- Answer   1: this is the first use, 0: it was used before, -1: its time is over, -2: it is too far ahead
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local left = math.ceil((tonumber(ARGV[3]) - now) / 1000)
if left <= 0 then return -1 end
if tonumber(ARGV[4]) < left then return -2 end
local set = redis.call('SET', KEYS[1], ARGV[2], 'PX', string.format('%.0f', left), 'NX')
-- It is our own use where the answer to an earlier try was lost.
if set or redis.call('GET', KEYS[1]) == ARGV[2] then return 1 end
return 0
