"""x"""
async def grow(given): pass
async def memory(given): pass
