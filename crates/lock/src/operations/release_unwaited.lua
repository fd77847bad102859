-- Gives a lock back for which nobody waits, for its holder alone.
--
-- KEYS[1]  the lock: the holder's token
-- ARGV     token
-- Answer   1: given back, 0: somebody waits for it, or it is not the holder's any more
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0
