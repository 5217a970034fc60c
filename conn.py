import cProfile, pstats, time
from orchestration.settings import Settings
from orchestration.lake import Lake
from orchestration.sql import connect
pr = cProfile.Profile(); pr.enable()
c=time.process_time()
with connect(Lake(Settings())) as con:
    print("first", time.process_time()-c)
pr.disable()
pstats.Stats(pr).sort_stats("cumtime").print_stats(45)
c=time.process_time()
with connect(Lake(Settings())) as con:
    print("second", time.process_time()-c)
