"""`make prove`: does a PRM learn more from these labels than from those of published recipes?"""
