"""What a training beside others tells of its progress."""

from medcnn.training.callbacks import beats


def test_it_counts_the_batches_of_all_epochs(tiny, monkeypatch):
    told = []
    monkeypatch.setattr(beats, "tell", lambda *facts: told.append(facts))
    tiny(beats.Beats(), epochs=2)
    assert told[0] == (1, 12, "epoch 1/2")
    assert told[-1] == (12, 12, "epoch 2/2")
    assert [done for done, _, _ in told] == list(range(1, 13))
