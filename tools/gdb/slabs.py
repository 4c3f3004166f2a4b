"""The object caches; the command slabs."""

from kernel import Command, integer, linked, symbol, text


def caches():
    return linked(symbol("all_caches", "mm/slab.c"), "struct kmem_cache",
                  "all")


def slabs_of(cache, which):
    return list(linked(cache[which], "struct page", "lru"))


class Slabs(Command):
    """slabs: every cache of kernel objects: object size, objects in use and
room for, slabs full and partly used, and whether the slabs' own counts add
up."""

    NAME = "slabs"

    def run(self, _argument):
        print("cache                 size  in use    room   full partial  KiB")
        for cache in caches():
            full, partial = slabs_of(cache, "full"), slabs_of(cache, "partial")
            pages = (len(full) + len(partial)) << int(cache["order"])
            room = (len(full) + len(partial)) * int(cache["per_slab"])
            used = sum(int(page["slab_used"]) for page in full + partial)
            said = integer(cache["in_use"])
            print(f"{text(cache['name']):<20} {int(cache['size']):>5} "
                  f"{said:>7} {room:>7} {len(full):>6} {len(partial):>7} "
                  f"{pages * 4:>4}" +
                  (f"  ! the slabs hold {used}" if used != said else ""))


Slabs()
