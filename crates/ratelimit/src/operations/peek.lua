-- Reads a limiter and changes nothing.
--
-- KEYS[1]  a limiter, kept as by window.lua, burst.lua or limiters.lua
-- ARGV     now
-- Answer   { what is kept, now }
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
return { redis.call('GET', KEYS[1]), now }
