-- Whoever gives a lock back without knowing whether it was granted does not want it any more: neither in its turn,
-- nor by a question that is still on its way.
leave(ARGV[2])
give_up(KEYS[3], ARGV[2], tonumber(ARGV[3]))
