"""Recording (录音) of talks: from the first answer to the end, both sides on channels of their own."""
