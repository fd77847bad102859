-- Tells who holds shares.
--
-- KEYS[1]  the shares: kind and token of each holder, by the end of the lease in microseconds
-- ARGV     now
-- Answer   kind and token of each whose lease has not ended
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. whole(now()), '+inf')
