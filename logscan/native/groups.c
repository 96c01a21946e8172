/* Rows by group. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of groups by their digests, -1 in a free slot (open addressing). `first` are the rows that they begin with. */
typedef struct {
    int32_t *slots;
    int bits; /* slots: a power of two, twice the groups or more */
    uint64_t seed;
} Table;

/* The slot of the group of a digest, or a free one. */
static int32_t *slot_of(const Table *table, const uint64_t *digests, const uint32_t *first, uint64_t digest) {
    const uint64_t size = (uint64_t)1 << table->bits;
    uint64_t slot = digest * (table->seed | 1) >> (64 - table->bits);
    while (table->slots[slot] >= 0 && digests[first[table->slots[slot]]] != digest) slot = (slot + 1) & (size - 1);
    return table->slots + slot;
}

/* Makes room for one group more than `count`. Gives 0 where memory is out. */
static int grow(Table *table, const uint64_t *digests, const uint32_t *first, int32_t count) {
    if (table->slots && 2 * (uint64_t)count < (uint64_t)1 << table->bits) return 1;
    free(table->slots);
    table->bits = table->slots ? table->bits + 1 : 10;
    const uint64_t size = sizeof *table->slots << table->bits;
    if (!(table->slots = malloc(size))) return 0;
    memset(table->slots, -1, size);
    for (int32_t group = 0; group < count; group++) *slot_of(table, digests, first, digests[first[group]]) = group;
    return 1;
}

/* Puts the numbers of rows (n,) into `order`, group after group, those of each in their order, the groups in that of their
 * first row; `starts` (n + 1,) are the places at which they begin. Rows are of one group where their digests are equal.
 * Gives the number of groups, -1 where memory is out. */
int64_t group_rows(const uint64_t *digests, int64_t n, uint64_t seed, uint32_t *order, int64_t *starts) {
    Table table = {.seed = seed};
    int32_t count = 0, *groups = malloc((uint64_t)n * sizeof *groups + 1);
    starts[0] = 0;
    for (int64_t row = 0; row < n; row++) { /* as long as groups are told apart, `order` holds the first row of each */
        if (!groups || !grow(&table, digests, order, count)) {
            free(groups);
            free(table.slots);
            return -1;
        }
        int32_t *const slot = slot_of(&table, digests, order, digests[row]);
        if (*slot < 0) {
            *slot = count;
            order[count] = (uint32_t)row;
            starts[++count] = 0;
        }
        groups[row] = *slot;
        starts[*slot + 1]++;
    }
    free(table.slots);
    for (int64_t group = 0, begin = 0; group < count; group++) {
        const int64_t rows = starts[group + 1];
        starts[group + 1] = begin; /* and one more with each of its rows, until it ends */
        begin += rows;
    }
    for (int64_t row = 0; row < n; row++) order[starts[groups[row] + 1]++] = (uint32_t)row;
    free(groups);
    return count;
}
