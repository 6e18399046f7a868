"""The actions of people, of other Apps and of GitHub itself, one class for each subject."""
