import torch

from medcnn.models.prefix_memory import PrefixMemory


def prefix(image):
    return image.flatten(1) * 2


def test_each_image_is_computed_once():
    memory, image = PrefixMemory(), torch.randn(4, 1, 2, 2)
    names = ["a", "b", "c", "d"]
    first = memory.take(names, image, prefix)
    again = memory.take(["c", "a"], image[[2, 0]], prefix)
    assert torch.equal(first, prefix(image))
    assert torch.equal(again, first[[2, 0]])
    assert memory.computed == 4


def test_images_beyond_the_limit_are_computed_every_time_and_are_still_right():
    image = torch.randn(3, 1, 2, 2)
    memory = PrefixMemory(limit_bytes=2 * 4 * 4)
    for _ in range(2):
        assert torch.equal(memory.take(["a", "b", "c"], image, prefix), prefix(image))
    assert memory.computed == 4
    assert memory.taken_bytes == 32


def test_a_cleared_memory_asks_the_prefix_again():
    memory, image = PrefixMemory(), torch.randn(1, 1, 2, 2)
    memory.take(["a"], image, prefix)
    memory.clear()
    assert torch.equal(memory.take(["a"], image, lambda x: x.flatten(1) * 3), image.flatten(1) * 3)
