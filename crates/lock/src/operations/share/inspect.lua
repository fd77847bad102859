-- Tells who holds shares.
--
-- KEYS[1]  the shares: kind and token of each holder, by the end of the lease in microseconds
-- ARGV     now
-- Answer   kind and token of each whose lease has not ended
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')
