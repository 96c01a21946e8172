#include "arrow.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LARGE (1 << 17) /* bytes */
#define SPARE 8 /* the texts and views of a block */

typedef struct {
    void *memory;
    uint64_t size;
} Piece;

static Piece spare[SPARE]; /* large pieces that were given back, for whoever takes the next */
static int next;           /* that gives way to one more, if all are there */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A power of two, so that a piece serves for others of about its size. */
static uint64_t mapped(uint64_t size) {
    while (size & (size - 1)) size += size & -size;
    return size;
}

void *take(uint64_t size) {
    if (size < LARGE) return malloc(size ? size : 1);
    size = mapped(size);
    void *memory = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < SPARE && !memory; i++) {
        if (spare[i].size == size) {
            memory = spare[i].memory;
            spare[i].size = 0;
        }
    }
    pthread_mutex_unlock(&lock);
    if (memory) return memory;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void give_back(void *memory, uint64_t size) {
    if (size < LARGE) {
        free(memory);
    } else if (memory) {
        pthread_mutex_lock(&lock);
        for (int i = 0; i < SPARE && spare[next].size; i++) next = (next + 1) % SPARE;
        const Piece oldest = spare[next];
        spare[next] = (Piece){memory, mapped(size)};
        next = (next + 1) % SPARE;
        pthread_mutex_unlock(&lock);
        if (oldest.size) munmap(oldest.memory, oldest.size);
    }
}

int is_text(struct ArrowArrayStream *column) {
    struct ArrowSchema schema;
    if (column->get_schema(column, &schema)) return 0;
    const int is = !strcmp(schema.format, TEXT);
    schema.release(&schema);
    return is;
}

static void release_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

void give_schema(struct ArrowSchema *schema) {
    *schema = (struct ArrowSchema){.format = TEXT, .name = "", .release = release_schema};
}

typedef struct {
    const void *buffers[BYTES + 2];
    int64_t size;
} Texts;

static void release_texts(struct ArrowArray *array) {
    Texts *texts = array->private_data;
    give_back((void *)texts->buffers[VIEWS], (uint64_t)array->length * sizeof(View));
    give_back((void *)texts->buffers[BYTES], (uint64_t)texts->size);
    free(texts);
    array->release = NULL;
}

int give_texts(View *views, int64_t count, uint8_t *bytes, int64_t size, struct ArrowSchema *schema,
               struct ArrowArray *array) {
    Texts *texts = malloc(sizeof *texts);
    if (!texts) {
        give_back(views, (uint64_t)count * sizeof *views);
        give_back(bytes, (uint64_t)size);
        return 0;
    }
    *texts = (Texts){.size = size};
    texts->buffers[VIEWS] = views;
    texts->buffers[BYTES] = bytes;
    texts->buffers[BYTES + 1] = &texts->size;
    give_schema(schema);
    *array = (struct ArrowArray){
        .length = count,
        .n_buffers = BYTES + 2,
        .buffers = texts->buffers,
        .release = release_texts,
        .private_data = texts,
    };
    return 1;
}
