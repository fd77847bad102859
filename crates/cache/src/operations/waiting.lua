-- How many invalidations wait in a queue, and for when the next.
-- KEYS[1] queue: a sorted set by moments in µs
-- ARGV[1] now (unused)
-- Answer: how many, and the first moment, or -1
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
return {redis.call('ZCARD', KEYS[1]), first and tonumber(first) or -1}
