/* Text as a column of lines. */

#include "arrow.h"

/* Makes a column of the `count` lines in `size` bytes (less than 4 GiB) of UTF-8. A line ends at a line feed, the last
 * one at the end if there is none; a carriage return before the line feed goes too. Gives 0 where memory is out. */
int split_lines(const uint8_t *text, int64_t size, int64_t count, struct ArrowSchema *schema, struct ArrowArray *array) {
    const uint64_t viewed = (uint64_t)count * sizeof(View);
    View *views = take(viewed);
    uint8_t *bytes = take((uint64_t)size);
    if (!views || !bytes) {
        give_back(views, viewed);
        give_back(bytes, (uint64_t)size);
        return 0;
    }
    memcpy(bytes, text, (size_t)size);
    const uint8_t *begin = bytes, *const end = bytes + size;
    for (int64_t line = 0; line < count; line++) {
        const uint8_t *feed = memchr(begin, '\n', (size_t)(end - begin)), *stop = feed ? feed : end;
        if (feed && feed > begin && feed[-1] == '\r') stop--;
        views[line] = view_of(bytes, (uint32_t)(begin - bytes), (uint32_t)(stop - begin));
        begin = feed ? feed + 1 : end;
    }
    return give_texts(views, count, bytes, size, schema, array);
}
