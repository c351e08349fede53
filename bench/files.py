"""x"""
async def measure_files(url, places, files, rounds):
    return []
